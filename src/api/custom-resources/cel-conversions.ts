import type { Duration, Environment } from '@marcbachmann/cel-js/evaluator';

/** Seconds with a fraction, as cel-go writes durations: `90s`, `0.25s`. */
function durationText({ seconds, nanos }: Duration): string {
  const whole = seconds * 1_000_000_000n + BigInt(nanos);
  const size = whole < 0n ? -whole : whole;
  const fraction = String(size % 1_000_000_000n)
    .padStart(9, '0')
    .replace(/0+$/, '');
  return `${whole < 0n ? '-' : ''}${size / 1_000_000_000n}${fraction && `.${fraction}`}s`;
}

/** RFC 3339, without a fraction that is nothing. */
function timestampText(time: Date): string {
  return time.toISOString().replace(/\.?0*Z$/, 'Z');
}

/**
 * Conversions of times and spans that the engine does not have (cel-spec, "Standard Definitions"). Fields of the formats
 * `duration` and `date-time` are such already, and rules convert them all the same.
 */
export function registerConversions(environment: Environment): void {
  const type = { duration: 'google.protobuf.Duration', timestamp: 'google.protobuf.Timestamp' };
  environment
    .registerFunction(`duration(${type.duration}): ${type.duration}`, (span: Duration) => span)
    .registerFunction(`timestamp(${type.timestamp}): ${type.timestamp}`, (time: Date) => time)
    .registerFunction(`int(${type.timestamp}): int`, (time: Date) => BigInt(Math.floor(time.getTime() / 1000)))
    .registerFunction(`string(${type.duration}): string`, durationText)
    .registerFunction(`string(${type.timestamp}): string`, timestampText);
}
