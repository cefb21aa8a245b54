metadata description = 'What each identity may do in the vault, and in nothing around it.'

@description('Required. Name of the vault.')
param vaultName string

@description('Required. Who gets which role: the name of a role and the id of a principal.')
param grants roleGrant[]

@description('One role of one identity.')
type roleGrant = {
  @description('Name of the role definition, a GUID.')
  role: string
  @description('Object id of the identity.')
  principal: string
}

resource vault 'Microsoft.RecoveryServices/vaults@2024-10-01' existing = {
  name: vaultName
}

resource assignments 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for grant in grants: {
    name: guid(vault.id, grant.role, grant.principal)
    scope: vault
    properties: {
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', grant.role)
      principalId: grant.principal
      principalType: 'ServicePrincipal'
    }
  }
]
