const abbreviations: Readonly<Record<string, string>> = {
  ReadWriteOnce: 'RWO',
  ReadOnlyMany: 'ROX',
  ReadWriteMany: 'RWX',
  ReadWriteOncePod: 'RWOP',
};

/** `RWO,ROX`: access modes as tables print them, in upstream's order and without doubles. */
export function formatAccessModes(modes: readonly string[] | undefined): string {
  return Object.keys(abbreviations)
    .filter((mode) => modes?.includes(mode))
    .map((mode) => abbreviations[mode])
    .join(',');
}
