function written(value: unknown, isKept: (member: unknown) => boolean): string {
  if (Array.isArray(value)) return `[${value.map((item) => written(item, isKept)).join(',')}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value ?? null);
  const members = Object.entries(value)
    .filter(([, member]) => isKept(member))
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([name, member]) => `${JSON.stringify(name)}:${written(member, isKept)}`);
  return `{${members.join(',')}}`;
}

/**
 * One text for one value, whoever writes it: JSON without spaces, the members of objects in the order of their names,
 * and without those that are null or undefined, as if they had not been given. What two sides hash, they hash of this.
 */
export function canonicalText(value: unknown): string {
  return written(value, (member) => member !== null && member !== undefined);
}

/** The same with every member that is null, as RFC 8785 has it: to take one out is a change. */
export function exactText(value: unknown): string {
  return written(value, (member) => member !== undefined);
}
