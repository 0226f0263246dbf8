// The API as the console asks it. The key lives in this variable and nowhere else.

let key = "";

export function useKey(value) {
  key = value.trim();
}

export class ApiError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

export async function ask(path) {
  const headers = key ? { Authorization: `Bearer ${key}` } : {};
  let response;
  try {
    response = await fetch(path, { headers, cache: "no-store", credentials: "omit" });
  } catch {
    throw new ApiError(0, "The API cannot be reached.");
  }
  if (!response.ok) {
    const problem = await response.json().catch(() => ({}));
    throw new ApiError(response.status, problem.detail ?? response.statusText);
  }
  return response.json();
}

// By query: a browser takes `.` and `..` out of a path, encoded or not.
export const agentPath = (id, part = "", more = {}) =>
  `/v1/agent${part}?${new URLSearchParams({ id, ...more })}`;
