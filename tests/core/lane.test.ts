import { expect, test } from 'vitest';
import { Lane } from '../../src/core/lane.js';

function gate(): { readonly open: () => void; readonly opened: Promise<void> } {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open, opened };
}

test('what answers before it is over keeps nobody waiting for its end, and its place until then', async () => {
  const lane = new Lane(1);
  const end = gate();
  const seen: string[] = [];

  const answered = await lane.answer<string>(async (tell) => {
    tell('found');
    await end.opened;
    seen.push('over');
  });
  const next = lane.take(async () => seen.push('next'));
  seen.push(answered);
  end.open();
  await next;

  expect(seen).toEqual(['found', 'over', 'next']);
});

test('what fails before it answers is told, and gives its place back', async () => {
  const lane = new Lane(1);

  const failed = lane.answer(() => Promise.reject(new Error('lost')));

  await expect(failed).rejects.toThrow('lost');
  await expect(lane.take(async () => 'free')).resolves.toBe('free');
});

test('what fails after it has answered gives its place back as well', async () => {
  const lane = new Lane(1);

  const answered = await lane.answer<number>(async (tell) => {
    tell(1);
    throw new Error('lost');
  });

  expect(answered).toBe(1);
  await expect(lane.take(async () => 'free')).resolves.toBe('free');
});
