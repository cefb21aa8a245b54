metadata description = 'Each identity\'s role on a resource group with protected machines: to read them, and to join what comes up to its network.'

@description('Required. Ids of the roles by identity.')
param roleIds object

@description('Required. Principal ids by identity.')
param principalIds object

resource assignments 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for role in items(roleIds): {
    name: guid(resourceGroup().id, role.key, role.value)
    properties: {
      roleDefinitionId: role.value
      principalId: principalIds[role.key]
      principalType: 'ServicePrincipal'
    }
  }
]
