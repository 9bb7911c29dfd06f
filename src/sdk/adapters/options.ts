import type { Licensee } from '../licensee.js';
import type { LicenseGraph } from '../licenseGraph.js';

export interface GateOptions<Context> {
  readonly graph: LicenseGraph;
  /** Who stands behind a request, from the context that resolvers get; nobody has no license. */
  readonly licensee: (context: Context) => Promise<Licensee | null | undefined> | Licensee | null | undefined;
}
