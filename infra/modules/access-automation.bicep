metadata description = 'What identities may do in an Automation account whose runbooks plans name.'

@description('Required. Name of the account.')
param accountName string

@description('Required. Who gets which role: the name of a role and the id of a principal.')
param grants roleGrant[]

@description('One role of one identity.')
type roleGrant = {
  @description('Name of the role definition, a GUID.')
  role: string
  @description('Object id of the identity.')
  principal: string
}

resource account 'Microsoft.Automation/automationAccounts@2023-11-01' existing = {
  name: accountName
}

resource assignments 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for grant in grants: {
    name: guid(account.id, grant.role, grant.principal)
    scope: account
    properties: {
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', grant.role)
      principalId: grant.principal
      principalType: 'ServicePrincipal'
    }
  }
]
