metadata description = 'Who hears of Leeward\'s own troubles. Each subscription has such a group: a metric alert calls none of another.'

@description('Required. Ending that makes names unique.')
param suffix string

@description('Required. Mail addresses.')
param operatorMails string[]

@description('Required. Tags.')
param tags object

resource toPeople 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: 'ag-leeward-people-${suffix}'
  location: 'Global'
  tags: tags
  properties: {
    groupShortName: 'lwpeople'
    enabled: true
    emailReceivers: [
      for mail in operatorMails: {
        name: mail
        emailAddress: mail
        useCommonAlertSchema: true
      }
    ]
  }
}

@description('Resource id of the group.')
output id string = toPeople.id
