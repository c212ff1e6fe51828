/** The effective ids of this process. Node's types have them for some systems only; Linux is one. */
const linux = process as Required<Pick<NodeJS.Process, 'geteuid' | 'getegid'>>;

export const geteuid = (): number => linux.geteuid();
export const getegid = (): number => linux.getegid();
