import { below, command, field, type KeyTable, nothing, refused, warned } from './effect.ts';

export const topKeys: KeyTable = {
  version: nothing('is obsolete, and said to be'),
  name: field('Namespace, label com.docker.compose.project'),
  include: command('merged while loading'),
  'include[].path': command('merged while loading'),
  'include[].env_file': command('variables of what is included'),
  'include[].project_directory': command('what its paths are relative to'),
  services: field('Deployment, DaemonSet or Job; a headless Service for its name'),
  ...below('models', {
    '': refused('there is no model runner in a cluster'),
    '.*.name': refused('there is no model runner in a cluster'),
    '.*.model': refused('there is no model runner in a cluster'),
    '.*.context_size': refused('there is no model runner in a cluster'),
    '.*.runtime_flags': refused('there is no model runner in a cluster'),
  }),
};

const oldName = 'the name, in files before 3.5';

export const sectionKeys: KeyTable = {
  ...below('networks', {
    '': field('NetworkPolicy'),
    ...below('.*.', {
      name: field('the label of its pods; one that is given joins the pods of all namespaces'),
      driver: field('bridge, overlay', 'others: an error'),
      driver_opts: refused("pods have the cluster's network"),
      ipam: nothing('the network chooses addresses'),
      'ipam.driver': refused('the network chooses addresses', ['default']),
      'ipam.config': field('where ipv4_address lies'),
      'ipam.config[].subnet': warned('is where ipv4_address lies; containers have addresses of their nodes'),
      'ipam.config[].ip_range': warned('containers have addresses of their nodes'),
      'ipam.config[].gateway': warned('the machine is not at this address, but at host-gateway'),
      'ipam.config[].aux_addresses': nothing('no container gets one of them'),
      'ipam.options': refused('the network chooses addresses'),
      external: field('namespaceSelector of the NetworkPolicy: pods of all namespaces'),
      'external.name': command(oldName),
      internal: field('a NetworkPolicy for egress: to its own pods and to DNS'),
      enable_ipv4: nothing('pods have addresses of IPv4'),
      enable_ipv6: refused('pods have addresses of IPv4', [false]),
      attachable: nothing('any pod with the label is in it'),
      labels: warned('networks are no objects of their own'),
    }),
  }),
  ...below('volumes', {
    '': field('PersistentVolumeClaim'),
    ...below('.*.', {
      name: field('claimName of an external one', 'of others: a warning, a volume is of its project alone'),
      driver: field('local: the default storage class', 'others: an error'),
      driver_opts: field('size; o: bind, type: tmpfs, type: nfs become hostPath, emptyDir, nfs', 'others: an error'),
      external: field('a claim that is there already'),
      'external.name': command(oldName),
      labels: field('annotations of the claim'),
    }),
  }),
  ...below('secrets', {
    '': field('Secret'),
    ...below('.*.', {
      name: field('the Secret of an external one'),
      environment: field('Secret data'),
      file: field('Secret data'),
      external: field('a Secret that is there, whose key has its name'),
      'external.name': command(oldName),
      labels: field('annotations of the Secret'),
      template_driver: refused('contents are taken as they are'),
      driver: refused('there are no drivers of secrets'),
      driver_opts: refused('there are no drivers of secrets'),
    }),
  }),
  ...below('configs', {
    '': field('ConfigMap'),
    ...below('.*.', {
      name: field('the ConfigMap of an external one'),
      environment: field('ConfigMap data'),
      file: field('ConfigMap data'),
      content: field('ConfigMap data'),
      external: field('a ConfigMap that is there, whose key has its name'),
      'external.name': command(oldName),
      labels: field('annotations of the ConfigMap'),
      template_driver: refused('contents are taken as they are'),
    }),
  }),
};
