declare const TIMONEL_VERSION: string;

/** As programs end whose reader has gone (`timonel get pods | head -1`): 128 and SIGPIPE. */
const brokenPipeExitCode = 141;

try {
  await run(process.argv.slice(2));
} catch (error) {
  await fail(error, process.argv.slice(2));
}

async function run(words: readonly string[]): Promise<void> {
  const [command] = words;
  const upProgram = command === 'up' ? (await import('./cli/compiled-up.ts')).compiledUp() : undefined;
  // Before anything else, even stdout, is made: the server loads at the same time.
  upProgram?.earlyServer(words.slice(1));
  process.stdout.on('error', endWithReader);
  if (upProgram) return upProgram.run(TIMONEL_VERSION, words);
  if (command === 'chart') {
    const chartProgram = (await import('./cli/compiled-chart.ts')).compiledChart(words, process.env);
    if (chartProgram) return chartProgram(TIMONEL_VERSION, words);
  }
  const { createProgram } = await import('./cli/program.ts');
  const { commandFirst } = await import('./cli/kube/kube-command.ts');
  const line = commandFirst(words);
  await createProgram(TIMONEL_VERSION, line[0]).parseAsync(line, { from: 'user' });
}

function endWithReader(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
  process.exit(brokenPipeExitCode);
}

async function fail(error: unknown, words: readonly string[]): Promise<void> {
  const { commandFirst } = await import('./cli/kube/kube-command.ts');
  (await import('./cli/end-with-failure.ts')).endWithFailure(error, commandFirst(words));
}

export {};
