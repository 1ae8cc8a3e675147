import { createLogger, type LogLevel } from '../base/log.ts';
import { systemRandom } from '../base/random.ts';
import type { Surroundings } from '../cluster/control-plane.ts';
import { clock } from './context.ts';

interface Running {
  stop(): Promise<void>;
  reload?(): Promise<void>;
}

/** Runs something until SIGTERM or SIGINT, its log on stderr. SIGHUP makes it read its settings again. */
export async function foreground(start: (surroundings: Surroundings) => Promise<Running>): Promise<void> {
  const log = createLogger({
    level: (process.env['TIMONEL_LOG'] as LogLevel | undefined) ?? 'info',
    now: () => clock.now(),
    write: (line) => process.stderr.write(`${line}\n`),
  });
  process.on('unhandledRejection', (error) => log.error('a rejection nobody handled', { error }));
  const running = await start({ clock, random: systemRandom, log });
  process.on('SIGHUP', () => {
    running.reload?.().catch((error: unknown) => log.error('cannot reload', { error }));
  });
  const ended = await new Promise<NodeJS.Signals>((resolve) => {
    process.once('SIGTERM', resolve);
    process.once('SIGINT', resolve);
  });
  log.info('stopping', { signal: ended });
  await running.stop();
  process.exit(0);
}
