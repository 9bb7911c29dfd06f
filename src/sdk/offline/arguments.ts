/** What a caller has given is none of what is documented: the message names the argument. */
export class InvalidArgument extends TypeError {
  override readonly name = 'InvalidArgument';

  constructor(
    readonly argument: string,
    what: string,
  ) {
    super(`${argument}: ${what}`);
  }
}

type Requirement = (name: string, value: unknown) => void;

export const requireText: Requirement = (name, value) => {
  if (typeof value !== 'string') throw new InvalidArgument(name, 'has to be a text');
};

export const requireObject: Requirement = (name, value) => {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new InvalidArgument(name, 'has to be an object');
};

export const requireKeys: Requirement = (name, value) => {
  requireObject(name, value);
  const { keys } = value as { keys?: unknown };
  const fits = Array.isArray(keys) && keys.every((key) => typeof key === 'object' && key !== null);
  if (!fits) throw new InvalidArgument(name, 'has to be a JWKS: an object whose keys are a list of keys');
};

export const requireDate: Requirement = (name, value) => {
  if (!(value instanceof Date) || Number.isNaN(value.getTime()))
    throw new InvalidArgument(name, 'has to be a valid Date');
};

const requireTexts: Requirement = (name, value) => {
  if (!Array.isArray(value) || !value.every((item) => typeof item === 'string'))
    throw new InvalidArgument(name, 'has to be a list of texts');
};

const requireVersion: Requirement = (name, value) => {
  requireObject(name, value);
  const { name: own, releasedAt } = value as { name?: unknown; releasedAt?: unknown };
  requireText(`${name}.name`, own);
  if (releasedAt !== undefined) requireDate(`${name}.releasedAt`, releasedAt);
};

const facts: Readonly<Record<string, Requirement>> = {
  now: requireDate,
  deviceFingerprint: requireText,
  hardwareId: requireText,
  macAddress: requireText,
  user: requireText,
  tenantId: requireText,
  productId: requireText,
  version: requireVersion,
  features: requireTexts,
  domain: requireText,
  country: requireText,
  record: requireObject,
  revocations: requireText,
  licenseKey: requireText,
};

/** What a device tells of itself: of these members each is left out, null or as documented. */
export const requireFacts: Requirement = (name, value) => {
  requireObject(name, value);
  for (const [member, given] of Object.entries(value as object)) {
    if (given !== undefined && given !== null && Object.hasOwn(facts, member))
      facts[member]?.(`${name}.${member}`, given);
  }
};
