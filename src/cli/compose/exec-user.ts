/**
 * Becomes the user `$0` and runs the rest: CRI runs commands as the container's own user, so that a program of the
 * container has to change it. `su` knows names and their HOME, `setpriv` (util-linux) numbers and groups.
 */
const becomeUser = `
user=$0
[ "$user" = "$(id -u)" ] || case $user in
  *:* | *[!0-9]*) ;;
  *) known=$(id -un "$user" 2>/dev/null) && user=$known ;;
esac
name=\${user%%:*}
[ "$user" != "$(id -u)" ] && [ "$user" != "$(id -un 2>/dev/null)" ] || exec "$@"
case $user in
  *:* | [0-9]*)
    case $user in *:*) group=\${user#*:} ;; *) group=$(id -g "$name" 2>/dev/null) || group=0 ;; esac
    exec setpriv --reuid="$name" --regid="$group" --clear-groups -- "$@" ;;
esac
exec su -s /bin/sh -c 'exec "$0" "$@"' -- "$name" "$@"
`.trim();

/** A command as it is run by `user` (a name, a number, or either with `:group`) of the container. */
export function asUser(user: string | undefined, command: readonly string[]): string[] {
  return user === undefined || user === '' ? [...command] : ['/bin/sh', '-c', becomeUser, user, ...command];
}
