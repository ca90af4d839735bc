// The states of a deployment, of its steps and its findings, in words and shapes.

import { pill } from "./parts.js";

const STATES = {
  pending: ["Waiting", "idle"],
  validating: ["Validating", "busy"],
  deploying: ["Deploying", "busy"],
  verifying: ["Verifying", "busy"],
  succeeded: ["Succeeded", "good"],
  rolling_back: ["Rolling back", "warn"],
  rolled_back: ["Rolled back", "warn"],
  failed: ["Failed", "bad"],
};
const STEPS = {
  intent: ["under way", "busy"],
  done: ["done", "good"],
  failed: ["failed", "bad"],
  compensated: ["taken back", "warn"],
};
const SERVICES = {
  pending: ["waiting", "idle"],
  deploying: ["deploying", "busy"],
  deployed: ["deployed", "good"],
  unchanged: ["unchanged", "good"],
  failed: ["failed", "bad"],
  rolled_back: ["rolled back", "warn"],
  rollback_failed: ["rollback failed", "bad"],
};
const FINDINGS = { error: "bad", critical: "bad", warning: "warn", info: "busy" };

const named = (words, state) => words[state] ?? [String(state ?? "unknown").replaceAll("_", " "), "idle"];

export const deploymentPill = (deployment) => pill(...named(STATES, deployment.status));
export const stepPill = (step) => pill(...named(STEPS, step.state));
/** A service that was taken back to nothing is `deployed` without a release. */
export const servicePill = (service) => (service.state === "deployed" && !service.release ? pill("withdrawn", "idle") : pill(...named(SERVICES, service.state)));
export const findingPill = (finding) => pill(finding.severity, FINDINGS[finding.severity] ?? "idle");
export const isUnderWay = (deployment) => !["succeeded", "rolled_back", "failed"].includes(deployment.status);
