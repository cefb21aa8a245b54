metadata description = 'What identities may do with the Traffic Manager profile; only the one that fails over may write its endpoints.'

@description('Required. Name of the profile.')
param profileName string

@description('Required. Who gets which role: the name of a role and the id of a principal.')
param grants roleGrant[]

@description('One role of one identity.')
type roleGrant = {
  @description('Name of the role definition, a GUID.')
  role: string
  @description('Object id of the identity.')
  principal: string
}

resource profile 'Microsoft.Network/trafficManagerProfiles@2022-04-01' existing = {
  name: profileName
}

resource assignments 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for grant in grants: {
    name: guid(profile.id, grant.role, grant.principal)
    scope: profile
    properties: {
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', grant.role)
      principalId: grant.principal
      principalType: 'ServicePrincipal'
    }
  }
]
