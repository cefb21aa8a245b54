metadata description = 'Where Event Grid puts what it could not deliver, and nothing else. The health events are a subscription\'s, so their topic can have no identity, and Event Grid opens the account with its key: Leeward\'s own account knows no keys.'

@description('Required. Region of the account.')
param location string

@description('Required. Ending that makes names unique.')
param suffix string

@description('Required. Tags.')
param tags object

var container = 'dead-letters'

resource account 'Microsoft.Storage/storageAccounts@2024-01-01' = {
  name: take('stlwdead${suffix}', 24)
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: { name: 'Standard_ZRS' }
  properties: {
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    allowSharedKeyAccess: true
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
  }

  resource blobs 'blobServices' = {
    name: 'default'

    resource letters 'containers' = {
      name: container
      properties: { publicAccess: 'None' }
    }
  }
}

@description('Resource id of the account.')
output accountId string = account.id

@description('Container that takes events which could not be delivered.')
output container string = container
