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
name: ship
on:
  push:
    branches: [${JSON.stringify(branch)}]
  pull_request:
permissions:
  contents: read
  packages: write
concurrency:
  group: ship-\${{ github.ref }}
jobs:
  ship:
    # Pull requests from forks have no secrets, and nothing to plan with.
    if: github.event_name == 'push' || github.event.pull_request.head.repo.full_name == github.repository
    runs-on: ubuntu-latest
    timeout-minutes: 30
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-node@v4
        with:
          node-version: 22
      - run: sudo apt-get update && sudo apt-get install -y ${tools} && sudo npm install -g timonel@${version}
      - name: The cluster and the registry
        env:
          DATA: \${{ secrets.${kubeconfigSecret} }}
          TOKEN: \${{ secrets.GITHUB_TOKEN }}
        run: |
          umask 077
          printf '%s' "$DATA" | base64 -d > "$RUNNER_TEMP/kubeconfig"
          printf '%s' "$TOKEN" | sudo -E timonel login ghcr.io -u "$GITHUB_ACTOR" --password-stdin
      - name: What would change
        if: github.event_name == 'pull_request'
        run: sudo -E timonel ship --plan --kubeconfig "$RUNNER_TEMP/kubeconfig"
      - name: Ship
        if: github.event_name == 'push'
        run: sudo -E timonel ship --kubeconfig "$RUNNER_TEMP/kubeconfig"
`;
}

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
    - printf '%s' "$CI_REGISTRY_PASSWORD" | timonel login "$CI_REGISTRY" -u "$CI_REGISTRY_USER" --password-stdin

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
    - timonel ship --kubeconfig "$CI_PROJECT_DIR.kubeconfig"
  rules:
    - if: $CI_COMMIT_BRANCH == "${branch}"
`;
}
