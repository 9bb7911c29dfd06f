import type { Decision, Verdict } from './licensee.js';
import { Unreachable } from './outage.js';

/** What is read of an answer at most: 500 refusals take less than 2 MB, each with three templates whatever they are called. */
const ANSWER_LIMIT_BYTES = 4_000_000;

type Fields = Readonly<Record<string, unknown>>;

export function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

/** The body of an answer as JSON; whatever else stands there is an outage, and so is what has no end. */
export async function jsonOf(response: Response): Promise<unknown> {
  const decoder = new TextDecoder();
  let text = '';
  let bytes = 0;
  try {
    for await (const chunk of response.body ?? []) {
      bytes += chunk.byteLength;
      if (bytes > ANSWER_LIMIT_BYTES) throw new RangeError('the answer is too long');
      text += decoder.decode(chunk, { stream: true });
    }
    return JSON.parse(text + decoder.decode());
  } catch (error) {
    throw new Unreachable(`the license server answered ${response.status}, and not in JSON`, {
      cause: error,
    });
  }
}

const isText = (value: unknown): value is string | null => value === null || typeof value === 'string';
const isNumber = (value: unknown): value is number | null => value === null || typeof value === 'number';
const isLines = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((line) => Number.isSafeInteger(line));

const areTexts = (value: unknown, names: readonly string[]): boolean =>
  names.every((name) => typeof fieldsOf(value)[name] === 'string');

function isHints(value: unknown): boolean {
  if (value === null || value === undefined) return true;
  const { lapsedLicense: lapsed, upgrades } = fieldsOf(value);
  const isLapsed =
    lapsed === null || (areTexts(lapsed, ['licenseId', 'status']) && isText(fieldsOf(lapsed).endedAt));
  const named = ['templateId', 'templateName'];
  return isLapsed && Array.isArray(upgrades) && upgrades.every((each) => areTexts(each, named));
}

function isVerdict(value: unknown): value is Verdict {
  const { featureId, granted, code, message, refusedFeatureId, lines, limit, used, windowEndsAt, hints } =
    fieldsOf(value);
  return (
    typeof featureId === 'string' &&
    typeof granted === 'boolean' &&
    [code, message, refusedFeatureId, windowEndsAt].every(isText) &&
    [limit, used].every(isNumber) &&
    isLines(lines) &&
    isHints(hints)
  );
}

/** A decision on so many uses: what is anything else grants nothing. */
export function decisionIn(answer: unknown, features: readonly string[]): Decision {
  const { verdicts, grantId = null } = fieldsOf(answer);
  const isWhole =
    Array.isArray(verdicts) &&
    verdicts.length === features.length &&
    verdicts.every((verdict, index) => isVerdict(verdict) && verdict.featureId === features[index]);
  if (!isWhole || !isText(grantId))
    throw new Unreachable('the license server did not answer what it was asked');
  return { verdicts, grantId, uncounted: null };
}
