import { AdmissionPolicyStatusReconciler } from './admission-policy-status.ts';
import { CertificateSigningReconciler, type CertificateSigner } from './certificates/signing-controller.ts';
import { AutoscalerReconciler } from './autoscaler/autoscaler-controller.ts';
import type { Controller, ControllerContext } from './controller.ts';
import { DeploymentReconciler } from './deployment/deployment-controller.ts';
import { EndpointsReconciler } from './endpoints/endpoints-controller.ts';
import { EndpointSliceMirroringReconciler } from './endpoints/mirroring-controller.ts';
import { EndpointSliceReconciler } from './endpoints/slice-controller.ts';
import { GarbageCollector } from './garbage-collector/garbage-collector.ts';
import { JobReconciler } from './job/job-controller.ts';
import { ServiceCidrReconciler } from './service-cidr-controller.ts';
import { TtlAfterFinishedReconciler } from './job/ttl-controller.ts';
import { LoadBalancerReconciler } from './load-balancer/load-balancer-controller.ts';
import { NamespaceReconciler } from './namespace/namespace-controller.ts';
import { NodeIpamReconciler } from './node-ipam.ts';
import { NodeLifecycleReconciler } from './node-lifecycle/node-lifecycle-controller.ts';
import { TaintEvictionReconciler } from './node-lifecycle/taint-eviction-controller.ts';
import { PodGarbageCollector } from './pod-garbage-collector.ts';
import { replicaSetKind, replicationControllerKind } from './replication/replicated.ts';
import { ReplicationReconciler } from './replication/replication-controller.ts';
import { RootCaPublisher } from './service-account/root-ca-publisher.ts';
import { ServiceAccountReconciler } from './service-account/service-account-controller.ts';
import { ServiceAccountTokenReconciler } from './service-account/token-controller.ts';
import { CronJobReconciler } from './cron-job/cron-job-controller.ts';
import { DisruptionReconciler } from './disruption-budget/disruption-controller.ts';
import { DaemonSetReconciler } from './daemon-set/daemon-set-controller.ts';
import { StatefulSetReconciler } from './stateful-set/stateful-set-controller.ts';
import { EphemeralVolumeReconciler } from './volumes/ephemeral-volumes.ts';
import { LocalProvisioner, type LocalVolumes } from './volumes/local-provisioner.ts';
import { ClaimProtectionReconciler, VolumeProtectionReconciler } from './volumes/protection.ts';
import { PersistentVolumeReconciler } from './volumes/volume-controller.ts';

/** One controller of the manager. */
export interface ControllerEntry {
  /** In events and log lines. */
  name: string;
  /** Whose rights it uses, where that is not the account of its own name. */
  account?: string;
  create: (context: ControllerContext) => Controller;
}

/** Informers read, and tokens are made, with the rights of the manager itself (`system:kube-controller-manager`). */
const managerAccount = 'kube-controller-manager';

/** Every controller of a cluster. */
export function controllerEntries(options: {
  serviceAccountCa: string;
  localVolumes?: LocalVolumes;
  certificateSigner?: CertificateSigner;
}): ControllerEntry[] {
  const { certificateSigner: signer } = options;
  const signing = signer && {
    ...{ name: 'csrsigning-controller', account: 'certificate-controller' },
    create: (context: ControllerContext) => new CertificateSigningReconciler(context, signer),
  };
  return [
    ...(signing ? [signing] : []),
    ...clusterEntries(options.serviceAccountCa),
    ...workloadEntries(),
    ...volumeEntries(options.localVolumes),
  ];
}

function clusterEntries(certificate: string): ControllerEntry[] {
  return [
    { name: 'service-cidrs-controller', create: (context) => new ServiceCidrReconciler(context) },
    { name: 'namespace-controller', create: (context) => new NamespaceReconciler(context) },
    { name: 'service-account-controller', create: (context) => new ServiceAccountReconciler(context) },
    {
      name: 'root-ca-certificate-publisher',
      account: 'root-ca-cert-publisher',
      create: (context) => new RootCaPublisher(context, certificate),
    },
    {
      name: 'serviceaccount-token-controller',
      account: managerAccount,
      create: (context) => new ServiceAccountTokenReconciler(context, certificate),
    },
    { name: 'node-ipam-controller', account: 'node-controller', create: (context) => new NodeIpamReconciler(context) },
    { name: 'node-controller', create: (context) => new NodeLifecycleReconciler(context) },
    {
      name: 'taint-eviction-controller',
      account: 'node-controller',
      create: (context) => new TaintEvictionReconciler(context),
    },
    { name: 'pod-garbage-collector', create: (context) => new PodGarbageCollector(context) },
    {
      name: 'garbage-collector-controller',
      account: 'generic-garbage-collector',
      create: (context) => new GarbageCollector(context),
    },
    {
      name: 'validatingadmissionpolicy-status-controller',
      create: (context) => new AdmissionPolicyStatusReconciler(context),
    },
    { name: 'service-controller', create: (context) => new LoadBalancerReconciler(context) },
    { name: 'endpoint-controller', create: (context) => new EndpointsReconciler(context) },
    { name: 'endpointslice-controller', create: (context) => new EndpointSliceReconciler(context) },
    {
      name: 'endpointslicemirroring-controller',
      create: (context) => new EndpointSliceMirroringReconciler(context),
    },
  ];
}

function workloadEntries(): ControllerEntry[] {
  return [
    { name: 'replicaset-controller', create: (context) => new ReplicationReconciler(replicaSetKind, context) },
    {
      name: 'replication-controller',
      create: (context) => new ReplicationReconciler(replicationControllerKind, context),
    },
    { name: 'deployment-controller', create: (context) => new DeploymentReconciler(context) },
    { name: 'statefulset-controller', create: (context) => new StatefulSetReconciler(context) },
    {
      name: 'daemonset-controller',
      account: 'daemon-set-controller',
      create: (context) => new DaemonSetReconciler(context),
    },
    { name: 'job-controller', create: (context) => new JobReconciler(context) },
    { name: 'cronjob-controller', create: (context) => new CronJobReconciler(context) },
    { name: 'horizontal-pod-autoscaler', create: (context) => new AutoscalerReconciler(context) },
    { name: 'disruption-controller', create: (context) => new DisruptionReconciler(context) },
    { name: 'ttl-after-finished-controller', create: (context) => new TtlAfterFinishedReconciler(context) },
  ];
}

function volumeEntries(local: LocalVolumes | undefined): ControllerEntry[] {
  const account = 'persistent-volume-binder';
  const provisioner = local && {
    ...{ name: local.provisioner, account },
    create: (context: ControllerContext) => new LocalProvisioner(context, local),
  };
  return [
    ...(provisioner ? [provisioner] : []),
    {
      name: 'persistentvolume-controller',
      account,
      create: (context) => new PersistentVolumeReconciler(context),
    },
    { name: 'pvc-protection-controller', create: (context) => new ClaimProtectionReconciler(context) },
    { name: 'pv-protection-controller', create: (context) => new VolumeProtectionReconciler(context) },
    {
      name: 'ephemeral_volume',
      account: 'ephemeral-volume-controller',
      create: (context) => new EphemeralVolumeReconciler(context),
    },
  ];
}
