metadata description = 'The Recovery Services vault, in the recovery region, and on request what replication needs in it.'

@description('Required. Region of the vault: never the one that it must survive.')
param location string

@description('Required. Name of the vault.')
param name string

@description('Required. Whether fabrics, containers, policy and mappings both ways are made too.')
param setUpReplication bool

@description('Required. Region that machines are replicated from.')
param protectedRegion string

@description('Required. Region that machines are replicated to.')
param recoveryRegion string

@description('Required. Tags.')
param tags object

var ends = [
  { name: 'asr-${protectedRegion}', region: protectedRegion }
  { name: 'asr-${recoveryRegion}', region: recoveryRegion }
]

resource vault 'Microsoft.RecoveryServices/vaults@2024-10-01' = {
  name: name
  location: location
  tags: tags
  sku: { name: 'RS0', tier: 'Standard' }
  properties: {
    publicNetworkAccess: 'Enabled'
    monitoringSettings: {
      azureMonitorAlertSettings: {
        alertsForAllJobFailures: 'Enabled'
        alertsForAllFailoverIssues: 'Enabled'
        alertsForAllReplicationIssues: 'Enabled'
      }
      classicAlertSettings: { alertsForCriticalOperations: 'Disabled' }
    }
  }
}

resource fabrics 'Microsoft.RecoveryServices/vaults/replicationFabrics@2024-10-01' = [
  for end in ends: if (setUpReplication) {
    parent: vault
    name: end.name
    properties: {
      customDetails: { instanceType: 'Azure', location: end.region }
    }
  }
]

resource containers 'Microsoft.RecoveryServices/vaults/replicationFabrics/replicationProtectionContainers@2024-10-01' = [
  for (end, index) in ends: if (setUpReplication) {
    parent: fabrics[index]
    name: '${end.name}-machines'
    properties: {
      providerSpecificInput: [{ instanceType: 'A2A' }]
    }
  }
]

resource policy 'Microsoft.RecoveryServices/vaults/replicationPolicies@2024-10-01' = if (setUpReplication) {
  parent: vault
  name: 'leeward-24h'
  properties: {
    providerSpecificInput: {
      instanceType: 'A2A'
      crashConsistentFrequencyInMinutes: 5
      appConsistentFrequencyInMinutes: 60
      recoveryPointHistory: 1440
      multiVmSyncStatus: 'Enable'
    }
  }
}

// Both ways: without the mapping home nothing can be re-protected.
resource mappings 'Microsoft.RecoveryServices/vaults/replicationFabrics/replicationProtectionContainers/replicationProtectionContainerMappings@2024-10-01' = [
  for (end, index) in ends: if (setUpReplication) {
    parent: containers[index]
    name: 'to-${ends[1 - index].name}'
    properties: {
      policyId: policy.id
      targetProtectionContainerId: containers[1 - index].id
      providerSpecificInput: {
        instanceType: 'A2A'
        agentAutoUpdateStatus: 'Disabled'
      }
    }
  }
]

@description('Resource id of the vault.')
output id string = vault.id
