/** The two numbers in a device's one (makedev(3)): 12 bits of the major number, 20 of the minor one. */
export function deviceNumbers(rdev: number): { major: number; minor: number } {
  return { major: (rdev >> 8) & 0xfff, minor: (rdev & 0xff) | ((rdev >> 12) & 0xfff00) };
}
