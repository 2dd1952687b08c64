//! Manifests that people write.

/// The least that a manifest must say.
pub(crate) const LEAST: &str = "\
apiVersion: stoker.io/v1alpha1
kind: GatewaySync
metadata:
  name: plant
spec:
  git:
    repo: https://git.example.com/plant.git
    ref: main
  gateway:
    api:
      secretName: ignition-api
  sync:
    profiles:
      default:
        mappings:
          - source: projects
            destination: projects
";

/// Every field there is, as the unit tests of the reader have it, in any namespace.
pub(crate) fn everything() -> String {
    let text = include_str!("../../src/manifest/tests/everything.yaml");
    text.replace("  namespace: site1\n", "")
}

/// A manifest of an earlier operator of the same contract: only what section 1 has.
pub(crate) const EARLIER: &str = "\
apiVersion: stoker.io/v1alpha1
kind: GatewaySync
metadata:
  name: plant-sync
  annotations:
    stoker.io/requested-ref: 2.1.0
spec:
  git:
    repo: https://github.com/example/ignition.git
    ref: 2.2.0
    auth:
      githubApp:
        appId: 123456
        installationId: 789012
        privateKeySecretRef: {name: github-app, key: private-key.pem}
  polling: {enabled: true, interval: 60s}
  gateway:
    port: 8043
    tls: true
    api: {secretName: ignition-api-key, secretKey: apiKey}
  sync:
    defaults:
      excludePatterns: ['**/.git/', '**/.gitkeep', '**/.resources/**']
      vars: {projectName: line4}
      syncPeriod: 30
      designerSessionPolicy: wait
    profiles:
      site:
        mappings:
          - source: services/{{.GatewayName}}/projects
            destination: projects
            type: dir
            required: true
          - source: services/{{.GatewayName}}/config/resources/core
            destination: config/resources/core
            type: dir
            template: true
            patches:
              - file: ignition/**/config.json
                set:
                  networkInterfaces.0.address: '{{.Vars.address}}'
                  enabled: \"true\"
          - {source: shared/version, destination: .version, type: file}
        vars: {address: 10.0.0.1}
        syncPeriod: 10
      area:
        mappings: [{source: area, destination: config}]
        excludePatterns: ['**/tag-*/MQTT Engine/']
        dryRun: true
        designerSessionPolicy: fail
        paused: false
  agent:
    image: {repository: ghcr.io/example/agent, tag: v0.4.0, pullPolicy: Always}
    resources:
      limits: {cpu: 500m, memory: 256Mi}
      requests: {cpu: 1, memory: 64Mi}
  paused: false
";
