metadata description = 'Each identity\'s role on the vault, and on nothing around it.'

@description('Required. Name of the vault.')
param vaultName string

@description('Required. Ids of the roles by identity.')
param roleIds object

@description('Required. Principal ids by identity.')
param principalIds object

resource vault 'Microsoft.RecoveryServices/vaults@2024-10-01' existing = {
  name: vaultName
}

resource assignments 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for role in items(roleIds): {
    name: guid(vault.id, role.key, role.value)
    scope: vault
    properties: {
      roleDefinitionId: role.value
      principalId: principalIds[role.key]
      principalType: 'ServicePrincipal'
    }
  }
]
