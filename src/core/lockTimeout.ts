/** PostgreSQL's `lock_not_available`; drizzle puts what the driver said behind its own words. */
export function isLockTimeout(error: unknown): boolean {
  const said = error instanceof Error && error.cause !== undefined ? error.cause : error;
  return typeof said === 'object' && said !== null && 'code' in said && said.code === '55P03';
}
