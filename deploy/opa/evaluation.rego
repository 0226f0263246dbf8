# Decisions of Open Policy Agent for `habitus tap --enforce http://HOST:PORT/v0/data/habitus`.
# The tap posts its AuthZEN question to the path of the rule: habitus/access/v1/evaluation. Under
# /v0/data the question is the input, and the rule is the answer. HABITUS_API and HABITUS_TOKEN are
# URL and key (scope trust:read) of Habitus.
package habitus.access.v1

evaluation := {
	"decision": count(reasons) == 0,
	"context": {"reason_user": {"en": concat("; ", sort(reasons))}},
}

reasons contains "Habitus gives no trust of this agent" if not trust.gate

reasons contains sprintf("agent %s is %s", [trust.agent_id, trust.gate]) if trust.gate != "open"

# Not by level: that of a new agent is restricted for want of evidence, and its score is 50.
reasons contains reason if {
	trust.score < lowest_score
	reason := sprintf("the score of agent %s is %d, below %d", [trust.agent_id, trust.score, lowest_score])
}

default lowest_score := 25

lowest_score := data.habitus.lowest_score

# A file data.json beside this one: {"habitus": {"denied_tools": ["…"], "lowest_score": 25}}.
reasons contains sprintf("no agent may call %s", [input.resource.id]) if {
	input.resource.type == "tool"
	input.resource.id in data.habitus.denied_tools
}

# The answer for the agent, asked anew for each call, so that a quarantine counts at once.
trust := answer.body.answers[0] if answer.status_code == 200

answer := http.send({
	"method": "POST",
	"url": concat("", [object.get(environment, "HABITUS_API", "http://127.0.0.1:8765"), "/v1/trust/query"]),
	"headers": object.union({"Content-Type": "application/json"}, authorization),
	"body": {"agents": [input.context.agent]},
	"timeout": "1s",
	"raise_error": false,
})

authorization := {"Authorization": concat(" ", ["Bearer", environment.HABITUS_TOKEN])}

authorization := {} if not environment.HABITUS_TOKEN

environment := opa.runtime().env
