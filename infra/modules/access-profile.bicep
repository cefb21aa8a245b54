metadata description = 'Each identity\'s role on the Traffic Manager profile; only the one that fails over may write its endpoints.'

@description('Required. Name of the profile.')
param profileName string

@description('Required. Ids of the roles by identity.')
param roleIds object

@description('Required. Principal ids by identity.')
param principalIds object

resource profile 'Microsoft.Network/trafficManagerProfiles@2022-04-01' existing = {
  name: profileName
}

resource assignments 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for role in items(roleIds): {
    name: guid(profile.id, role.key, role.value)
    scope: profile
    properties: {
      roleDefinitionId: role.value
      principalId: principalIds[role.key]
      principalType: 'ServicePrincipal'
    }
  }
]
