/**
 * Analytics own figures that are counted from what activations report. They store nothing of their own yet, so that
 * a figure is always the direct count.
 */
import type { Instant } from '../core/clock.js';

export interface LicenseAnalytics {
  readonly totalActivations: number;
  readonly activeActivations: number;
  readonly distinctDevices: number;
  readonly totalRuntimeHours: number;
  readonly apiCallsCount: number;
  readonly dataProcessedMb: number;
  readonly lastUsedAt: Instant | null;
}

export interface NamedCount {
  readonly name: string;
  readonly count: number;
}

export interface AdvancedAnalytics {
  readonly operatingSystems: readonly NamedCount[];
  readonly applicationVersions: readonly NamedCount[];
  readonly activationsByMonth: readonly NamedCount[];
}
