export type CiSystem = 'github' | 'gitlab';

/** Where each system looks for its pipeline. */
export const ciFiles: Readonly<Record<CiSystem, string>> = {
  github: '.github/workflows/ship.yml',
  gitlab: '.gitlab-ci.yml',
};

/** The secret that holds the kubeconfig of the cluster to ship to. */
const kubeconfigSecret = 'KUBECONFIG_DATA';
const tools = 'buildah skopeo';

/**
 * A pipeline that plans for proposals and ships what is merged. The kubeconfig and the registry's password come from
 * the system's own secrets, and are on no command line. Pure.
 */
export function renderCi(system: CiSystem, { version, branch }: { version: string; branch: string }): string {
  return system === 'github' ? github(version, branch) : gitlab(version, branch);
}

function github(version: string, branch: string): string {
  return `# Ships what is merged, and shows for pull requests what would change. timonel.yaml names the registry
# (registry: ghcr.io/OWNER). Secrets of the repository:
#   ${kubeconfigSecret}: a kubeconfig of the cluster, in base64 on one line (base64 -w0)
# Pull requests get no token that writes. Actions are named by major versions; where your rules ask for commits, pin
# them: uses: OWNER/NAME@COMMIT # VERSION
name: ship
on:
  push:
    branches: [${JSON.stringify(branch)}]
  pull_request:
permissions: {}
jobs:
  plan:
    # Pull requests from forks have no secrets, and nothing to plan with.
    if: github.event_name == 'pull_request' && github.event.pull_request.head.repo.full_name == github.repository
    runs-on: ubuntu-latest
    timeout-minutes: 15
    permissions:
      contents: read
    steps:
${githubSetUp(version)}
${githubKubeconfig}
      - name: What would change
        run: sudo -E timonel ship --plan --kubeconfig "$RUNNER_TEMP/kubeconfig"
  ship:
    if: github.event_name == 'push'
    runs-on: ubuntu-latest
    timeout-minutes: 30
    permissions:
      contents: read
      packages: write
    # One after the other, and none is ended half-way.
    concurrency:
      group: ship-\${{ github.ref }}
      cancel-in-progress: false
    steps:
${githubSetUp(version)}
${githubKubeconfig}
      - name: The registry
        env:
          TOKEN: \${{ secrets.GITHUB_TOKEN }}
        run: printf '%s' "$TOKEN" | sudo -E timonel login ghcr.io -u "$GITHUB_ACTOR" --password-stdin
      - name: Ship
        run: sudo -E timonel ship --kubeconfig "$RUNNER_TEMP/kubeconfig"
`;
}

function githubSetUp(version: string): string {
  return `      - uses: actions/checkout@v6
        with:
          # Nothing here speaks to the repository again.
          persist-credentials: false
      - uses: actions/setup-node@v6
        with:
          node-version: 22
          package-manager-cache: false
      - run: sudo apt-get update && sudo apt-get install -y ${tools} && sudo npm install -g timonel@${version}`;
}

const githubKubeconfig = `      - name: The cluster
        env:
          DATA: \${{ secrets.${kubeconfigSecret} }}
        run: |
          umask 077
          printf '%s' "$DATA" | base64 -d > "$RUNNER_TEMP/kubeconfig"`;

function gitlab(version: string, branch: string): string {
  return `# Ships what is merged, and shows for merge requests what would change. timonel.yaml names the registry
# (registry: registry.gitlab.com/GROUP/PROJECT). Variables of the project, masked:
#   ${kubeconfigSecret}: a kubeconfig of the cluster, in base64 on one line (base64 -w0). A protected one is there on
#   protected branches only, and merge requests of others have no plan
default:
  image: node:22-bookworm
  before_script:
    - apt-get update && apt-get install -y ${tools} && npm install -g timonel@${version}
    - umask 077
    - printf '%s' "$${kubeconfigSecret}" | base64 -d > "$CI_PROJECT_DIR.kubeconfig"

stages: [plan, ship]

plan:
  stage: plan
  script:
    - timonel ship --plan --kubeconfig "$CI_PROJECT_DIR.kubeconfig"
  rules:
    - if: $CI_PIPELINE_SOURCE == "merge_request_event"

ship:
  stage: ship
  resource_group: ship
  script:
    - printf '%s' "$CI_REGISTRY_PASSWORD" | timonel login "$CI_REGISTRY" -u "$CI_REGISTRY_USER" --password-stdin
    - timonel ship --kubeconfig "$CI_PROJECT_DIR.kubeconfig"
  rules:
    - if: $CI_COMMIT_BRANCH == ${JSON.stringify(branch)}
`;
}
