/** What of the demo data an example is tried on. */
export interface Facts {
  readonly customerId: string;
  readonly templateId: string;
  readonly licenseId: string;
  readonly licenseKey: string;
}

export const groups = [
  'Look',
  'Act',
  'Sell',
  'A device, without a token',
  'As it happens',
  'Refused',
] as const;

export interface Example {
  readonly group: (typeof groups)[number];
  readonly title: string;
  readonly query: string;
  readonly variables?: (facts: Facts) => object;
}
