/** What happens to violations; `violation.detected` names the violation as its subject, and its license. */
export const violationEvents = ['violation.detected'] as const;
