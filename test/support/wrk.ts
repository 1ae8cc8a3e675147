import { spawn } from 'node:child_process';
import { once } from 'node:events';

/**
 * Requests by wrk, as fast as they are answered, on eight lasting connections until told to stop. Failures are lines of
 * its report: errors of sockets, and answers other than 2xx and 3xx.
 */
export function wrkOn(
  port: number,
  path: string,
  host = 'a.example',
): { stop(): Promise<{ sent: number; failures: string[] }> } {
  const address = `http://127.0.0.1:${port}${path}`;
  const stdio = ['ignore', 'pipe', 'inherit'] as const;
  const wrk = spawn('wrk', ['-t1', '-c8', '-d1h', '-H', `Host: ${host}`, address], { stdio: [...stdio] });
  const ended = once(wrk, 'close');
  // Whoever awaits the end sees why wrk could not start.
  ended.catch(() => {});
  let report = '';
  wrk.stdout?.setEncoding('utf8').on('data', (text: string) => (report += text));
  return {
    async stop() {
      wrk.kill('SIGINT');
      await ended;
      const sent = Number(/(\d+) requests in/.exec(report)?.[1] ?? 0);
      return { sent, failures: report.match(/(?:Socket errors|Non-2xx).*/g) ?? [] };
    },
  };
}
