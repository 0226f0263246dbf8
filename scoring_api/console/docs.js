// The OpenAPI document, readable without anything from elsewhere.

import { ask } from "/console/api.js";
import { byId, h } from "/console/dom.js";

function words(schema, all, depth = 0) {
  if (!schema) return "";
  if (schema.$ref) {
    const name = schema.$ref.split("/").pop();
    return depth > 2 ? name : words(all[name], all, depth);
  }
  if (schema.anyOf) return schema.anyOf.map((s) => words(s, all, depth)).join("\n  or ");
  if (schema.enum) return schema.enum.map((v) => JSON.stringify(v)).join(" | ");
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.type === "array") return `[${words(schema.items, all, depth + 1)}, …]`;
  if (schema.type === "object" && schema.properties) {
    const pad = "  ".repeat(depth + 1);
    const lines = Object.entries(schema.properties)
      .map(([name, value]) => `${pad}${name}: ${words(value, all, depth + 1)}`);
    return `{\n${lines.join("\n")}\n${"  ".repeat(depth)}}`;
  }
  return schema.format ? `${schema.type} (${schema.format})` : schema.type ?? "any";
}

function parameters(found, all) {
  if (!found?.length) return null;
  return h("dl", { class: "facts" }, found.flatMap((p) => [
    h("dt", {}, h("code", {}, p.name), ` ${p.in}`),
    h("dd", {}, [words(p.schema, all), p.description].filter(Boolean).join(" — "))]));
}

function body(title, content, all) {
  const schema = content?.["application/json"]?.schema;
  return schema ? [h("p", {}, h("strong", {}, title)), h("pre", {}, words(schema, all))] : [];
}

function call(path, verb, operation, all) {
  const answers = Object.entries(operation.responses ?? {});
  return h("details", { class: "panel" },
    h("summary", {}, h("span", { class: "verb" }, verb.toUpperCase()), " ", h("code", {}, path)),
    h("pre", { class: "prose" }, operation.description ?? operation.summary),
    parameters(operation.parameters, all),
    body("Body", operation.requestBody?.content, all),
    answers.flatMap(([status, answer]) => status.startsWith("2") ? body(`Answer ${status}`, answer.content, all) : []),
    h("p", {}, h("strong", {}, "Otherwise")),
    h("dl", { class: "facts" }, answers.filter(([s]) => !s.startsWith("2"))
      .flatMap(([status, answer]) => [h("dt", {}, status), h("dd", {}, answer.description)])));
}

try {
  const api = await ask("/openapi.json");
  const all = api.components?.schemas ?? {};
  byId("title").textContent = api.info.title;
  byId("about").textContent = api.info.description;
  byId("calls").replaceChildren(...Object.entries(api.paths).flatMap(([path, verbs]) =>
    Object.entries(verbs).map(([verb, operation]) => call(path, verb, operation, all))));
} catch (error) {
  byId("calls").replaceChildren(h("p", { class: "trouble" }, error.message));
}
