import fc from 'fast-check';

/**
 * What every test that draws at random begins with. The suite repeats itself, so that what fails fails again and passes
 * nowhere by luck; a hunt for more is `SEED=7 npm test`, or `SEED=$RANDOM npx vitest run` with a file's name behind it.
 */
export const SEED = Number(process.env.SEED ?? 20_260_301);
if (!Number.isSafeInteger(SEED)) throw new Error('SEED has to be a whole number');

/** fast-check, whose properties begin with the seed. */
fc.configureGlobal({ seed: SEED });

export { fc };
