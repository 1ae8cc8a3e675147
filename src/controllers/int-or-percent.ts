/** `3`, or `25%` of `total`, rounded up or down. */
export function scaledValue(value: number | string, total: number, direction: 'up' | 'down'): number {
  if (typeof value === 'number') return value;
  const exact = (Number.parseInt(value, 10) * total) / 100;
  return direction === 'up' ? Math.ceil(exact) : Math.floor(exact);
}
