metadata description = 'One storage account without shared keys: task hub, plans, evidence that cannot be changed, and what two apps share.'

@description('Required. Region of the account.')
param location string

@description('Required. Ending that makes names unique.')
param suffix string

@description('Required. Days for which evidence can be neither changed nor deleted.')
param evidenceRetentionDays int

@description('Required. Whether the policy that keeps evidence has been locked.')
param evidenceLocked bool

@description('Required. Principals that read and write data.')
param principalIds string[]

@description('Required. Tags.')
param tags object

var containers = ['deployment', 'plans', 'shared']
var dataRoles = [
  'b7e6dc6d-f1e8-4753-8033-0f276bb0955b' // Storage Blob Data Owner: the Functions host leases and tags blobs
  '974c5e8b-45b9-4653-ba55-5f855dd0fb88' // Storage Queue Data Contributor: the task hub's queues
  '0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3' // Storage Table Data Contributor: the task hub's history
]
var grants = flatten(map(principalIds, principal => map(dataRoles, role => { principal: principal, role: role })))

resource account 'Microsoft.Storage/storageAccounts@2024-01-01' = {
  name: take('stleeward${suffix}', 24)
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: { name: 'Standard_ZRS' }
  properties: {
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    allowSharedKeyAccess: false
    defaultToOAuthAuthentication: true
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
    networkAcls: {
      bypass: 'AzureServices'
      defaultAction: 'Allow'
    }
  }

  resource blobs 'blobServices' = {
    name: 'default'
    properties: {
      deleteRetentionPolicy: { enabled: true, days: 30 }
      isVersioningEnabled: true
    }

    resource plain 'containers' = [
      for name in containers: {
        name: name
        properties: { publicAccess: 'None' }
      }
    ]

    resource evidence 'containers' = {
      name: 'evidence'
      properties: { publicAccess: 'None' }

      // Azure takes a locked policy no second time.
      resource immutability 'immutabilityPolicies' = if (!evidenceLocked) {
        name: 'default'
        properties: {
          immutabilityPeriodSinceCreationInDays: evidenceRetentionDays
          // The record of signals lies here too, and grows by lines; block blobs, the evidence, take none.
          allowProtectedAppendWrites: true
        }
      }
    }
  }
}

resource assignments 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for grant in grants: {
    name: guid(account.id, grant.principal, grant.role)
    scope: account
    properties: {
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', grant.role)
      principalId: grant.principal
      principalType: 'ServicePrincipal'
    }
  }
]

@description('Name of the account.')
output accountName string = account.name

@description('Container that deployments are put into.')
output deploymentContainerUrl string = '${account.properties.primaryEndpoints.blob}deployment'

@description('Container that holds the plans.')
output plansUrl string = '${account.properties.primaryEndpoints.blob}plans'

@description('Container that takes the evidence and the record of signals.')
output evidenceUrl string = '${account.properties.primaryEndpoints.blob}evidence'

@description('Container for what two apps share: the ledger.')
output sharedUrl string = '${account.properties.primaryEndpoints.blob}shared'
