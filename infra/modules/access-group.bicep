metadata description = 'What identities may do in a resource group with machines, networks or cache storage of an application.'

@description('Required. Who gets which role: the name of a role and the id of a principal.')
param grants roleGrant[]

@description('One role of one identity.')
type roleGrant = {
  @description('Name of the role definition, a GUID.')
  role: string
  @description('Object id of the identity.')
  principal: string
}

resource assignments 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for grant in grants: {
    name: guid(resourceGroup().id, grant.role, grant.principal)
    properties: {
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', grant.role)
      principalId: grant.principal
      principalType: 'ServicePrincipal'
    }
  }
]
