import { below, command, type KeyTable, refused } from './effect.ts';

const isBuilt = 'build: as `timonel build` does it';

export const buildKeys: KeyTable = below('services.*.build', {
  '': command(isBuilt),
  ...below('.', {
    context: command('the directory', 'addresses of repositories: an error of build'),
    dockerfile: command('--file'),
    dockerfile_inline: command('--file, of a file made of it'),
    entitlements: refused('the builder has no further rights to give'),
    args: command('--build-arg'),
    ssh: command('--ssh'),
    labels: command('--label'),
    cache_from: command('--cache-from'),
    cache_to: command('--cache-to'),
    no_cache: command('--no-cache'),
    additional_contexts: command('--build-context', 'addresses, images, services: an error of build'),
    network: command('--network'),
    provenance: refused('the builder makes no attestations', ['false']),
    sbom: refused('the builder makes no attestations', ['false']),
    pull: command('--pull'),
    target: command('--target'),
    shm_size: command('--shm-size'),
    extra_hosts: command('--add-host'),
    isolation: refused('is of Windows', ['default']),
    privileged: refused('the builder has no further rights to give'),
    secrets: command('--secret'),
    'secrets[].source': command('--secret id=…,src=…'),
    'secrets[].target': command('--secret id='),
    'secrets[].uid': refused('RUN --mount=type=secret,uid= says it'),
    'secrets[].gid': refused('RUN --mount=type=secret,gid= says it'),
    'secrets[].mode': refused('RUN --mount=type=secret,mode= says it'),
    tags: command('further names of the image'),
    ulimits: command('--ulimit'),
    'ulimits.*.hard': command('--ulimit'),
    'ulimits.*.soft': command('--ulimit'),
    platforms: command('--platform'),
  }),
});

const watched = 'compose watch';

export const developKeys: KeyTable = below('services.*.develop', {
  '': command(watched),
  '.watch': command(watched),
  ...below('.watch[].', {
    path: command('what is watched'),
    action: command('rebuild, sync, restart, sync+restart, sync+exec'),
    target: command('where it goes in the container'),
    ignore: command('what of it is not watched'),
    include: command('what of it alone is watched'),
    initial_sync: command('what is there is copied when the watch begins'),
    exec: command('sync+exec: what is run in the container'),
    'exec.command': command('the command'),
    'exec.user': refused("runs as the container's own user"),
    'exec.privileged': refused("has the container's own privileges"),
    'exec.working_dir': command('cd, by /bin/sh'),
    'exec.environment': command('env NAME=VALUE before the command'),
  }),
});
