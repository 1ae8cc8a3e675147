import type { Command } from 'commander';

/** The flags of a service's healthcheck, which `create` and `update` have alike. */
export function addHealthOptions(command: Command): void {
  command
    .option('--health-cmd <command>', 'what tells whether a container is healthy')
    .option('--health-interval <duration>', 'how often it is asked')
    .option('--health-timeout <duration>', 'how long it may take')
    .option('--health-retries <count>', 'how often in a row it may fail')
    .option('--health-start-period <duration>', 'for how long failures do not count at first')
    .option('--health-start-interval <duration>', 'how often it is asked until then')
    .option('--no-healthcheck', "ask nothing, not even the image's healthcheck");
}
