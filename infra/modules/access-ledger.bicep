metadata description = 'Lets other control apps read and write the ledger that is kept here, and nothing else of the account.'

@description('Required. Account that keeps the ledger.')
param accountName string

@description('Required. Principals of the other apps.')
param principalIds string[]

// Storage Blob Data Contributor
var blobData = 'ba92f5b4-2d11-453d-a403-e96b0029c9fe'

resource shared 'Microsoft.Storage/storageAccounts/blobServices/containers@2024-01-01' existing = {
  name: '${accountName}/default/shared'
}

resource assignments 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for principal in principalIds: {
    name: guid(shared.id, principal, blobData)
    scope: shared
    properties: {
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', blobData)
      principalId: principal
      principalType: 'ServicePrincipal'
    }
  }
]
