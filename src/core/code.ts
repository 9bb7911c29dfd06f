const CODE = /^[A-Za-z0-9][A-Za-z0-9._-]{0,49}$/;

/** What is said of one that is none. */
export const CODE_FORM =
  'must be 1 to 50 letters, digits, dots, dashes or underscores, beginning with a letter or digit';

/** Product codes and feature ids. */
export function isCode(text: string): boolean {
  return CODE.test(text);
}
