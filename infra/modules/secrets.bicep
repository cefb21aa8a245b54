metadata description = 'The Key Vault that holds the secrets of the chat channels; the app reads them by reference.'

@description('Required. Region of the vault.')
param location string

@description('Required. Name of the vault.')
param name string

@description('Required. Principals that read secrets.')
param principalIds string[]

@description('Required. Tags.')
param tags object

var secretsUser = '4633458b-17de-408a-b874-0445c86b69e6'

resource vault 'Microsoft.KeyVault/vaults@2023-07-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    tenantId: tenant().tenantId
    sku: { family: 'A', name: 'standard' }
    enableRbacAuthorization: true
    enablePurgeProtection: true
    softDeleteRetentionInDays: 90
  }
}

resource assignments 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for principal in principalIds: {
    name: guid(vault.id, principal, secretsUser)
    scope: vault
    properties: {
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', secretsUser)
      principalId: principal
      principalType: 'ServicePrincipal'
    }
  }
]

@description('Where the secrets are read.')
output uri string = vault.properties.vaultUri
