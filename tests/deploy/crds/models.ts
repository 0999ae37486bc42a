// Kinds that no package has models of, and what a model leaves open: as much of them as is documented and of use here, so that
// whatever else is written is refused.
//
// RabbitmqCluster: the API reference of the RabbitMQ Cluster Operator (rabbitmq/cluster-operator,
// docs/api/rabbitmq.com.ref.asciidoc) and its page "Using RabbitMQ Cluster Kubernetes Operator" on rabbitmq.com.
// SecretProviderClass: the definition of the Secrets Store CSI driver (kubernetes-sigs/secrets-store-csi-driver,
// config/crd/bases) and the page "Usage" of its provider for Azure Key Vault.
// The trigger rabbitmq: the page "RabbitMQ Queue" of KEDA's documentation; the model takes any words there.

import type { IObjectMeta } from "@kubernetes-models/apimachinery/apis/meta/v1/ObjectMeta";
import type { IScaledObject } from "@kubernetes-models/keda/keda.sh/v1alpha1/ScaledObject";
import type { IScaledObjectSpec } from "@kubernetes-models/keda/keda.sh/v1alpha1/ScaledObjectSpec";
import type { IAffinity } from "kubernetes-models/v1/Affinity";
import type { IContainer } from "kubernetes-models/v1/Container";
import type { ILocalObjectReference } from "kubernetes-models/v1/LocalObjectReference";
import type { IPodSpec } from "kubernetes-models/v1/PodSpec";
import type { IResourceRequirements } from "kubernetes-models/v1/ResourceRequirements";
import type { IServiceSpec } from "kubernetes-models/v1/ServiceSpec";
import type { IToleration } from "kubernetes-models/v1/Toleration";

type Words = { [key: string]: string };

// What an override names it changes, so nothing but the containers' names is required.
type PodOverride = Partial<Omit<IPodSpec, "containers">> & { containers?: IContainer[] };

export interface RabbitmqCluster {
  apiVersion: "rabbitmq.com/v1beta1";
  kind: "RabbitmqCluster";
  metadata: IObjectMeta;
  spec: {
    // Others are not tested, and of an even number half is no majority.
    replicas: 1 | 3 | 5;
    image?: string;
    imagePullSecrets?: ILocalObjectReference[];
    service?: { type?: "ClusterIP" | "LoadBalancer" | "NodePort"; annotations?: Words };
    persistence: { storageClassName?: string; storage: string };
    resources?: IResourceRequirements;
    affinity?: IAffinity;
    tolerations?: IToleration[];
    rabbitmq?: { additionalPlugins?: string[]; additionalConfig?: string; advancedConfig?: string; envConfig?: string };
    secretBackend?: { externalSecret: { name: string } };
    tls?: { secretName: string; caSecretName?: string; disableNonTLSListeners?: boolean };
    override?: {
      service?: { metadata?: { labels?: Words; annotations?: Words }; spec?: Partial<IServiceSpec> };
      statefulSet?: {
        metadata?: { labels?: Words; annotations?: Words };
        spec?: { template?: { metadata?: { labels?: Words; annotations?: Words }; spec?: PodOverride } };
      };
    };
    skipPostDeploySteps?: boolean;
    terminationGracePeriodSeconds?: number;
    autoEnableAllFeatureFlags?: boolean;
  };
}

export interface SecretProviderClass {
  apiVersion: "secrets-store.csi.x-k8s.io/v1";
  kind: "SecretProviderClass";
  metadata: IObjectMeta;
  spec: {
    provider: "azure";
    parameters: {
      usePodIdentity?: "true" | "false";
      useVMManagedIdentity?: "true" | "false";
      userAssignedIdentityID?: string;
      clientID: string;
      keyvaultName: string;
      cloudName?: string;
      tenantId: string;
      // YAML in a string; `run` looks into it.
      objects: string;
    };
    secretObjects?: {
      secretName: string;
      type: string;
      labels?: Words;
      annotations?: Words;
      data: { objectName: string; key: string }[];
    }[];
  };
}

interface RabbitmqTrigger {
  type: "rabbitmq";
  name?: string;
  metricType?: "AverageValue" | "Value";
  authenticationRef: { name: string; kind?: "TriggerAuthentication" | "ClusterTriggerAuthentication" };
  metadata: {
    // Only the HTTP API counts what a worker holds.
    protocol: "http";
    mode: "QueueLength";
    value: string;
    activationValue?: string;
    queueName: string;
    vhostName?: string;
    excludeUnacknowledged?: "false";
    timeout?: string;
    unsafeSsl?: "false";
  };
}

export type ScaledObject = Omit<IScaledObject, "spec"> & {
  spec: Omit<IScaledObjectSpec, "triggers"> & { triggers: RabbitmqTrigger[] };
};
