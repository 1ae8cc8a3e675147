import { type Command, Option } from 'commander';
import { collect } from '../arguments.ts';
import { kubeCommand, withFileFlags } from './flags.ts';

/** Commands for who looks for what is wrong: containers to debug with, the API without credentials. */
export function addToolCommands(program: Command): void {
  addDebug(program);
  kubeCommand(program, 'proxy', "the API server on this machine's localhost, with the credentials of the kubeconfig")
    .option('-p, --port <port>', 'where to listen; 0: any port', '8001')
    .option('--address <address>', 'where to listen', '127.0.0.1')
    .option('-u, --unix-socket <path>', 'listen on a socket of the file system')
    .option('--api-prefix <path>', 'where the API is', '/')
    .option('-w, --www <directory>', 'files as well')
    .option('-P, --www-prefix <path>', 'where these are', '/static/')
    .option('--accept-hosts <expression>', 'hosts that are answered', String.raw`^localhost$,^127\.0\.0\.1$,^\[::1\]$`)
    .option('--accept-paths <expression>', 'paths that are answered', '^.*')
    .option('--reject-paths <expression>', 'and those that are not', '^/api/.*/pods/.*/exec,^/api/.*/pods/.*/attach')
    .option('--reject-methods <expression>', 'methods that are not', '^$')
    .option('--disable-filter', 'answer whatever is asked')
    .action(async (options) => (await import('./proxy.ts')).proxy(options));
}

function addDebug(program: Command): void {
  withFileFlags(kubeCommand(program, 'debug', 'a container to debug with: in a pod, in a copy of it, or for a node'))
    .argument('[words...]', 'POD or TYPE/NAME, then -- and the command')
    .option('--image <image>', 'image of the container')
    .option('-c, --container <name>', 'name of the container (default: debugger- and some letters)')
    .option('--target <name>', 'sees the processes of this container')
    .option('--copy-to <name>', 'in a copy of the pod, of this name')
    .option('--replace', 'delete the pod that is copied')
    .option('--same-node', 'the copy on the same node')
    .option('--share-processes [true|false]', 'the containers of the copy see each other (default: true)')
    .option('--set-image <name=image>', 'images of the copy; *=IMAGE: all', collect)
    .option('--keep-annotations', 'in the copy')
    .option('--keep-labels', 'in the copy')
    .option('--keep-liveness', 'probes in the copy')
    .option('--keep-readiness', 'probes in the copy')
    .option('--keep-startup', 'probes in the copy')
    .option('--keep-init-containers [true|false]', 'in the copy (default: true)')
    .option('--env <name=value>', 'environment variable (repeatable)', collect)
    .option('--arguments-only', 'what follows -- are arguments of the image')
    .option('--image-pull-policy <policy>', 'Always, IfNotPresent or Never')
    .addOption(
      new Option('--profile <profile>', 'what it may do: general, baseline, netadmin, restricted, sysadmin').default(
        'legacy',
      ),
    )
    .option('--custom <file>', 'a part of a container, in JSON or YAML')
    .option('-i, --stdin', 'then hand on the standard input')
    .option('-t, --tty', 'with a terminal')
    .option('--attach [true|false]', 'then show what it prints (default: with -i)')
    .option('-q, --quiet', 'print only what the container prints')
    .action(async (words, options) => (await import('./debug.ts')).debug(words, options));
}
