/**
 * Compliance owns audits and the violations that they find. Its tables stand from the first migration, so that the
 * schema of the seeds is whole; its acts follow. Findings and violations have different scales of severity.
 */
export const auditTypes = ['SCHEDULED', 'RANDOM', 'COMPLAINT_DRIVEN', 'RENEWAL'] as const;
export const auditScopes = ['FULL', 'PARTIAL', 'SPOT_CHECK'] as const;
export const auditStatuses = ['SCHEDULED', 'IN_PROGRESS', 'COMPLETED', 'CANCELLED'] as const;
export const violationTypes = [
  'UNAUTHORIZED_USE',
  'OVER_DEPLOYMENT',
  'FEATURE_ABUSE',
  'TRANSFER_VIOLATION',
  'REVERSE_ENGINEERING',
] as const;
export type ViolationType = (typeof violationTypes)[number];
export const violationSeverities = ['MINOR', 'MAJOR', 'CRITICAL'] as const;
export type ViolationSeverity = (typeof violationSeverities)[number];
export const violationStatuses = ['OPEN', 'ACKNOWLEDGED', 'RESOLVED', 'DISPUTED'] as const;
export type ViolationStatus = (typeof violationStatuses)[number];

/** What an incident is about, in the contract's words. */
export const activityTypes = [
  'MULTIPLE_ACTIVATIONS',
  'UNUSUAL_LOCATION',
  'TAMPERING_ATTEMPT',
  'API_ABUSE',
] as const;
export type ActivityType = (typeof activityTypes)[number];

/** Somebody told of it, or the server found it by itself. */
export const incidentSources = ['REPORTED', 'DETECTED'] as const;
export type IncidentSource = (typeof incidentSources)[number];
