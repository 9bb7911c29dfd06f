const CODE = /^[A-Za-z0-9][A-Za-z0-9._-]{0,49}$/;

/** Product codes and feature ids. */
export function isCode(text: string): boolean {
  return CODE.test(text);
}
