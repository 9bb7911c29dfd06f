import { mutation } from './acts.js';
import type { World } from './world.js';

export interface Asked {
  readonly query: string;
  readonly variables?: object;
}
/** An operation that names something of `there` in one place, and is the caller's own everywhere else. */
export type Case = readonly [what: string, ask: (there: World, here: World) => Asked];

export const one = (field: string, id: (there: World) => string, selection = 'id'): Case => [
  'by id',
  (there) => ({
    query: `query ($id: ID!) { ${field}(id: $id) { ${selection} } }`,
    variables: { id: id(there) },
  }),
];

export const list = (field: string, type: string, what: string, filter: (there: World) => object): Case => [
  what,
  (there) => ({
    query: `query ($filter: ${type}) { ${field}(filter: $filter) { nodes { id } totalCount } }`,
    variables: { filter: filter(there) },
  }),
];

export const act = (name: string, what: string, input: (there: World, here: World) => object): Case => [
  what,
  (there, here) => ({ query: mutation(name, '__typename'), variables: { input: input(there, here) } }),
];

export const onLicense = (name: string, input: object = {}): readonly Case[] => [
  act(name, 'a license', ({ licenseId }) => ({ licenseId, ...input })),
];

export const newLicense = (here: World) => ({
  productId: here.productId,
  licenseType: 'SUBSCRIPTION',
  licenseModel: 'PER_DEVICE',
  issuedTo: 'Ada',
});
export const newTemplate = {
  templateName: 'T',
  licenseType: 'SUBSCRIPTION',
  licenseModel: 'PER_DEVICE',
  pricing: { basePrice: '1', currency: 'USD', billingCycle: 'ANNUALLY' },
};

export const newPool = ({ resellerId, templateId }: World) => ({
  name: 'Spring',
  resellerId,
  templateId,
  size: 5,
});

/** Whatever could be issued is not: of a row that is refused the answer tells. */
export const bulkIssue = (what: string, input: (there: World, here: World) => object): Case => [
  what,
  (there, here) => ({
    query: mutation('bulkIssueLicenses', 'results { status code column }'),
    variables: { input: { dryRun: true, ...input(there, here) } },
  }),
];
