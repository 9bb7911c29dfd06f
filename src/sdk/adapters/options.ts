import type { Asker } from '../licensee.js';
import type { LicenseGraph } from '../licenseGraph.js';

/** What every adapter takes. */
export interface GateOptions<Context> {
  /** The connection that `licenseGraph` made; one for all guards and adapters of a process. */
  readonly graph: LicenseGraph;
  /** Who stands behind a request, from the context that resolvers get; nobody has no license. Called once an operation. */
  readonly licensee: (context: Context) => Promise<Asker> | Asker;
  /** How often a subscription asks whether its features are still granted, in milliseconds; 30,000. */
  readonly recheckMillis?: number;
}
