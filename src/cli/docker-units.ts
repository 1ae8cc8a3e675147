const minuteMs = 60_000;
const hourMs = 60 * minuteMs;

/** How long, as Docker's commands say it (HumanDuration of go-units): `5 seconds`, `About a minute`, `3 weeks`. */
export function dockerDuration(ms: number): string {
  const seconds = Math.trunc(ms / 1000);
  if (seconds < 1) return 'Less than a second';
  if (seconds < 60) return seconds === 1 ? '1 second' : `${seconds} seconds`;
  const minutes = Math.trunc(ms / minuteMs);
  if (minutes < 60) return minutes === 1 ? 'About a minute' : `${minutes} minutes`;
  const hours = Math.round(ms / hourMs);
  if (hours < 48) return hours === 1 ? 'About an hour' : `${hours} hours`;
  const days = hours / 24;
  if (days < 14) return `${Math.trunc(days)} days`;
  if (days < 60) return `${Math.trunc(days / 7)} weeks`;
  if (days < 730) return `${Math.trunc(days / 30)} months`;
  return `${Math.trunc(ms / hourMs / 24 / 365)} years`;
}

/** A size in three digits and units of a thousand, as `docker images` shows it (HumanSizeWithPrecision): `4.27MB`. */
export function dockerSize(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
  let size = bytes;
  let unit = 0;
  for (; size >= 1000 && unit < units.length - 1; unit++) size /= 1000;
  return `${Number(size.toPrecision(3))}${units[unit]}`;
}
