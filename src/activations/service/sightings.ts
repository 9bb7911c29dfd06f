import type { ActivationId, LicenseId } from '../../core/id.js';
import type { Reading, Work } from '../../core/work.js';
import { isNews, type Seen, seenFrom } from '../model/travel.js';
import { writeSightings } from '../queries/sightings.js';
import { lockActivation } from '../queries.js';
import { countrySeen, type Told } from './restrictionFacts.js';

type SeenActivation = Seen & { readonly id: ActivationId; readonly licenseId: LicenseId };

/** Devices that were looked at from a country, each once; written down with what else is written of them. */
export class Sightings {
  readonly #found = new Map<ActivationId, ReturnType<typeof seenFrom> & { activation: SeenActivation }>();

  constructor(private readonly work: Work) {}

  /** Takes down what is news of an activation whose row is locked. */
  take(activation: SeenActivation, country: string | undefined, at: 'EACH_MINUTE' | 'CHANGES'): void {
    const { now, settings } = this.work;
    const { travelKmPerHour } = settings.incidents;
    if (travelKmPerHour === 0 || this.#found.has(activation.id) || !isNews(activation, country, now, at))
      return;
    this.#found.set(activation.id, { activation, ...seenFrom(activation, country, now, travelKmPerHour) });
  }

  async write(): Promise<void> {
    const found = [...this.#found.values()];
    if (found.length === 0) return;
    await writeSightings(
      this.work,
      found.map(({ activation, seen }) => ({ id: activation.id, ...seen })),
    );
    await this.work.emitAll(
      found.flatMap(({ activation: { id, licenseId }, travel }) =>
        travel === undefined
          ? []
          : [
              {
                type: 'activation.travelled',
                subjectId: id,
                licenseId,
                activationId: id,
                data: { ...travel },
              },
            ],
      ),
    );
  }
}

/** The country from which a question comes, if it is another one than the activation was seen in last. */
export function newCountry(
  reading: Reading,
  told: Told,
  activation: (Seen & { readonly status: string }) | undefined,
): string | undefined {
  if (activation?.status !== 'ACTIVE') return undefined;
  const country = countrySeen(reading, told);
  return isNews(activation, country, reading.now, 'CHANGES') ? country : undefined;
}

/** Takes down behind an answer that a device was seen in another country. */
export async function takeDownCountry(work: Work, id: ActivationId, country: string): Promise<void> {
  const activation = await lockActivation(work, id);
  if (activation === undefined) return;
  const sightings = new Sightings(work);
  sightings.take(activation, country, 'CHANGES');
  await sightings.write();
}
