/** What `licensegraph/sdk` exports: the directive for anybody's GraphQL server, and plain calls for anything else. */
export { type ApolloFeatureGate, apolloFeatureGate } from './adapters/apollo.js';
export { type GraphqlWsFeatureGate, graphqlWsFeatureGate } from './adapters/graphqlWs.js';
export { type MercuriusServer, mercuriusFeatureGate } from './adapters/mercurius.js';
export type { GateOptions } from './adapters/options.js';
export { type YogaFeatureGate, yogaFeatureGate } from './adapters/yoga.js';
export type { CircuitOptions, CircuitState } from './circuit.js';
export { expressFeatureGuard, fastifyFeatureGuard, type GuardOptions } from './guards.js';
export type { Asker, Decision, Licensee, Use, Verdict } from './licensee.js';
export {
  type FeatureUse,
  type LicenseGraph,
  type LicenseGraphOptions,
  licenseGraph,
} from './licenseGraph.js';
export { type LintFindings, type LintOptions, lintFeatures } from './lint.js';
export { Declined, Unreachable } from './outage.js';
export { FeatureRefused } from './refusal.js';
export { type DirectiveOptions, type FeatureDirective, requiresFeatureDirective } from './requiresFeature.js';
