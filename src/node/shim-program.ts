/** The name under which containerd looks for its shim of runc. */
export const shimProgramName = 'containerd-shim-runc-v2';

/**
 * A shell script that stands before containerd's shim of runc and answers one of its calls by itself: `delete`, which
 * containerd makes whenever a shim has gone, also when it went because its work was done. The shim's own program starts
 * runc to have a container taken away that runc has forgotten long ago; two starts of programs of that size for each
 * container are a twentieth of what replacing a pod costs.
 *
 * A container is forgotten when it has no directory below `runcRoot` (runc's `--root`, where the shim makes one for each
 * namespace) and nothing lies in its root filesystem. The answer is a DeleteResponse of containerd's shim API with the
 * exit status that the shim gives for lack of a better one, 128 + SIGKILL; containerd takes it only for tasks that it
 * still knows. Every other call becomes the shim (`program`, an absolute path).
 */
export function renderShimProgram({ program, runcRoot }: { program: string; runcRoot: string }): string {
  return `#!/bin/sh
id= namespace= bundle= last=
for word; do
  case $last in
  -id) id=$word ;;
  -namespace) namespace=$word ;;
  -bundle) bundle=$word ;;
  esac
  last=$word
done
is_forgotten() {
  [ -n "$id" ] && [ -n "$namespace" ] && [ -n "$bundle" ] || return 1
  [ -e '${runcRoot}' ] && [ ! -e '${runcRoot}'/"$namespace/$id" ] || return 1
  for file in "$bundle"/rootfs/*; do
    [ ! -e "$file" ] && [ ! -L "$file" ] || return 1
  done
}
if [ "$last" = delete ] && is_forgotten; then
  printf '\\020\\211\\001'
  exit 0
fi
exec '${program}' "$@"
`;
}
