/** Tells the milliseconds of processor time that this process has taken since, whatever others do on the machine. */
export function effort(): () => number {
  const begun = process.cpuUsage();
  return () => {
    const { user, system } = process.cpuUsage(begun);
    return (user + system) / 1000;
  };
}
